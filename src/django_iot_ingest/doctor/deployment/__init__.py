"""Is a project ready for the gateway? Each module looks at one side of it, and changes nothing."""
