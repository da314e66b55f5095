"""Tables, queries and migrations. One code for SQLite and, later, PostgreSQL: SQLAlchemy Core."""
