"""Language models: what runs them (engines), and how a task asks them (a chooser, a preference, a writer)."""
