"""What flows along the road, and the one vocabulary."""
