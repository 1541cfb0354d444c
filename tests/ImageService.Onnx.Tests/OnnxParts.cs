using static ImageService.Onnx.Tests.Proto;

namespace ImageService.Onnx.Tests;

/// <summary>Pieces of onnx.proto for files written by hand.</summary>
internal static class OnnxParts
{
    public static byte[] Node(string op, string[] inputs, string[] outputs, params byte[][] attributes) =>
        Join([.. inputs.Select(i => Field(1, i)), .. outputs.Select(o => Field(2, o)), Field(4, op), .. attributes.Select(a => Field(5, a))]);

    public static byte[] Int(string name, int value) => Join(Field(1, name), Field(3, value), Field(20, 2));

    public static byte[] Ints(string name, params int[] values) => Join([Field(1, name), .. values.Select(v => Field(8, v)), Field(20, 7)]);
}
