"""TLS of the control service."""

from dataclasses import dataclass

import grpc

from tailsampler.access.serving import server_context
from tailsampler.settings.tls import ServerTls


@dataclass(slots=True)
class ServedByGrpc:
    """TLS of the control service; grpcio asks for what is new at every connection."""

    tls: ServerTls
    name: str
    _new: grpc.ServerCertificateConfiguration | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """For ``add_secure_port``. Raises ``StartError`` for a file that cannot be used."""
        return grpc.dynamic_ssl_server_credentials(
            self._read(),
            self._fetch,  # type: ignore[arg-type] # None means "as before", says grpcio's own text
            require_client_authentication=self._ask_clients,
        )

    async def renew(self) -> None:
        """Take the files up, for connections from now on. Raises as ``credentials``."""
        self._new = self._read()

    @property
    def _ask_clients(self) -> bool:
        return self.tls.client_ca_file is not None

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        new, self._new = self._new, None
        return new

    def _read(self) -> grpc.ServerCertificateConfiguration:
        # grpcio would take a key that does not belong to the certificate, and answer nobody.
        server_context(self.tls, self.name)
        ca = None if self.tls.client_ca_file is None else self.tls.client_ca_file.read_bytes()
        pair = (self.tls.key_file.read_bytes(), self.tls.cert_file.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], ca)
