"""Second order: curvature on the same graph, rows and number systems as the gradient."""
