"""Runs the migrations of the personal data store on the connection it is handed."""

from alembic import context

from fleet_server.adapters.migration import PEOPLE_VERSION_TABLE
from fleet_server.services.people_tables import people_metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=people_metadata,
    render_as_batch=True,
    version_table=PEOPLE_VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
