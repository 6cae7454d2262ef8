"""How many sequences it takes to see a dependency over T steps."""
