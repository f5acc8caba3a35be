"""From evidence to motion: place the clip in the world, bind the recipe, solve."""
