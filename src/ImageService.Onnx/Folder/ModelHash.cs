using System.Buffers;
using System.Security.Cryptography;
using ImageService.Onnx.Graph;

namespace ImageService.Onnx.Folder;

/// <summary>
/// SHA-256 of the U-Net: of model.onnx with its external data behind it in order of file name, that is
/// <c>cat model.onnx FILES | sha256sum</c>. Listing models reads small ones through; a large one is hashed while it loads, since its bytes are read then anyway.
/// </summary>
internal static class ModelHash
{
    /// <summary>Bytes that are read in a few tenths of a second.</summary>
    public const long SmallModel = 256L << 20;

    public static bool IsSmall(OnnxGraph graph) => Files(graph).Sum(f => new FileInfo(f).Length) <= SmallModel;

    public static string Compute(OnnxGraph graph)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        foreach (var file in Files(graph))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            while (stream.Read(buffer) is var read and > 0)
                hash.AppendData(buffer, 0, read);
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static IEnumerable<string> Files(OnnxGraph graph) => graph.ExternalFiles.Prepend(graph.Path);
}
