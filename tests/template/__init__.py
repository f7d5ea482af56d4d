"""The template itself: baking, hooks, the commands of its documents, and the projects it makes."""
