"""Value and gradients at many rows: the adjoint graph as a kernel, and the engines that run it."""
