"""How alembic runs the revisions: on the connection that `jiucom.db.migrate` hands over, nothing else."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
