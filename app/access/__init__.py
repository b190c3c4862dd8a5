"""Who may do what: roles, rights, API keys."""
