"""Several processes that serve the same clouds: who starts them, what they tell one another, what when one dies."""
