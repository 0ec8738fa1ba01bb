"""Events become alerts."""
