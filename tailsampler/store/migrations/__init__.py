"""How a store file of an older version becomes one of this version, by Alembic."""
