"""TLS of the listeners that Python serves."""

import ssl

from tailsampler.errors import Place, StartError
from tailsampler.settings.tls import ServerTls


def server_context(tls: ServerTls, name: str) -> ssl.SSLContext:
    """For aiohttp: TLS 1.2 and 1.3, and client certificates where an authority is given.

    ``name`` is the section of the settings. Raises ``StartError`` for a file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    key = f"{name}.tls"
    try:
        # Without a password of its own OpenSSL would ask the terminal for one.
        context.load_cert_chain(tls.cert_file, tls.key_file, password=b"")
    except (OSError, ValueError) as error:
        why = _reason(error)
        say = f"{tls.cert_file} and {tls.key_file} cannot be used ({why}); name a certificate "
        raise StartError(
            "tls_file_unusable", f"{say}and its key, PEM without a password", Place(key=key)
        ) from error
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ValueError) as error:
            say = f"{tls.client_ca_file} cannot be used ({_reason(error)}); name authorities, PEM"
            raise StartError("tls_file_unusable", say, Place(key=key)) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)
