namespace ImageService.Onnx;

/// <summary>What can be said of a model's graphs before any weights are loaded: whole files, known inputs, fitting sizes.</summary>
internal static class GraphCheck
{
    /// <exception cref="ModelFolderException">The graph cannot be used; one sentence names the file and the input or output.</exception>
    /// <param name="inputs">Every input that may be there; the first <paramref name="required"/> must.</param>
    /// <param name="outputs">One of them must be there.</param>
    public static OnnxGraph Read(string path, string[] inputs, int required, string[] outputs)
    {
        var graph = OnnxGraph.Read(path);
        if (graph.Inputs.FirstOrDefault(i => !inputs.Contains(i.Name)) is { } other)
            throw new ModelFolderException($"{path} has an input '{other.Name}' that is not known here (known: {string.Join(", ", inputs)}).");
        if (inputs.Take(required).FirstOrDefault(name => graph.Inputs.All(i => i.Name != name)) is { } missing)
            throw new ModelFolderException($"{path} has no input '{missing}' (it has {string.Join(", ", graph.Inputs.Select(i => i.Name))}).");
        if (!outputs.Any(graph.Outputs.Contains))
            throw new ModelFolderException($"{path} has no output '{outputs[0]}' (it has {string.Join(", ", graph.Outputs)}).");
        return graph;
    }

    /// <summary>The axis must be that long, where the file says it.</summary>
    public static void RequireSize(this OnnxGraph graph, string path, string input, int axis, long size, string because)
    {
        var given = Axis(graph, path, input, axis);
        if (given > 0 && given != size)
            throw new ModelFolderException($"{path}: axis {axis} of '{input}' is {given}, but {because} {size}.");
    }

    /// <summary>The axes must not be fixed: rows and sizes differ from call to call.</summary>
    public static void RequireOpen(this OnnxGraph graph, string path, string input, params ReadOnlySpan<int> axes)
    {
        foreach (var axis in axes)
        {
            if (Axis(graph, path, input, axis) is > 0 and var given)
                throw new ModelFolderException($"{path}: axis {axis} of '{input}' is fixed to {given}, but must be open (export with dynamic axes).");
        }
    }

    private static long Axis(OnnxGraph graph, string path, string input, int axis) => graph.Inputs.First(i => i.Name == input).Dimensions switch
    {
        null => 0,
        var sizes when axis < sizes.Count => sizes[axis],
        var sizes => throw new ModelFolderException($"{path}: '{input}' has {sizes.Count} axes, but must have more than {axis}."),
    };
}
