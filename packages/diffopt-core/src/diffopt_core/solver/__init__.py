"""From evidence to motion: place, bind, solve."""
