return depth()
