"""The database under the mirror: tables, engines, column types, locks. It knows no question."""
