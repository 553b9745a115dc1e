"""What Alembic runs: the revisions, over the connection it was given, in its transaction."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
context.run_migrations()
