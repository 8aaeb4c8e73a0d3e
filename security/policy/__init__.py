"""Policy: authored in Cedar, compiled to tables, one decision function for subscriptions and persons."""
