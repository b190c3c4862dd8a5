"""The TiDB connection: the embedded server, capabilities, transactions and migrations."""
