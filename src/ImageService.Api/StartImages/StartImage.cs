using ImageService.Api.Problems;
using SkiaSharp;

namespace ImageService.Api.StartImages;

/// <summary>
/// An uploaded picture whose header has been checked. Only files that begin as PNG, JPEG or WebP reach the decoder, and pixels are decoded only
/// after the size in the header was found acceptable, so that a small file cannot claim gigabytes.
/// </summary>
internal sealed class StartImage : IDisposable
{
    public const int MaxSide = 4096;
    public const int MaxPixels = MaxSide * MaxSide;

    private readonly string _field;
    private readonly SKData _data;
    private readonly SKCodec _codec;

    private StartImage(string field, SKData data, SKCodec codec)
    {
        (_field, _data, _codec) = (field, data, codec);
        Size = Orientation.Swaps(codec.EncodedOrigin) ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
    }

    /// <summary>As the picture is shown, its EXIF orientation applied.</summary>
    public (int Width, int Height) Size { get; }

    /// <exception cref="ProblemException">400 naming the field.</exception>
    public static StartImage Open(string field, byte[] file)
    {
        if (!IsAllowed(file))
            throw ProblemException.Field(field, $"{field} must be a PNG, JPEG or WebP file.");
        var data = SKData.CreateCopy(file);
        var codec = SKCodec.Create(data);
        try
        {
            if (codec is null)
                throw ProblemException.Field(field, $"{field} must be a readable PNG, JPEG or WebP file; its header is damaged.");
            var (width, height) = (codec.Info.Width, codec.Info.Height);
            if (width < 1 || height < 1 || width > MaxSide || height > MaxSide)
                throw ProblemException.Field(field, $"{field} must have sides of 1 to {MaxSide} pixels; it has {width} x {height}.");
            if (codec.FrameCount > 1)
                throw ProblemException.Field(field, $"{field} must be a still picture; it has {codec.FrameCount} frames.");
            return new StartImage(field, data, codec);
        }
        catch
        {
            codec?.Dispose();
            data.Dispose();
            throw;
        }
    }

    /// <summary>RGB rows from the top. Alpha is dropped, not blended, as PIL's convert("RGB") does.</summary>
    /// <exception cref="ProblemException">400: the file is truncated or damaged.</exception>
    public unsafe RgbImage Decode()
    {
        // Unpremultiplied, so that dropping alpha leaves the colours as they are stored; no colour space, so that profiles are ignored as PIL does.
        var info = new SKImageInfo(_codec.Info.Width, _codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var rgba = new byte[info.BytesSize];
        SKCodecResult result;
        fixed (byte* pixels = rgba)
            result = _codec.GetPixels(info, (nint)pixels);
        if (result != SKCodecResult.Success)
            throw ProblemException.Field(_field, $"{_field} must be a whole file; this one is truncated or damaged.");
        return Orientation.Apply(_codec.EncodedOrigin, rgba, info.Width, info.Height);
    }

    public void Dispose()
    {
        _codec.Dispose();
        _data.Dispose();
    }

    private static bool IsAllowed(ReadOnlySpan<byte> file) =>
        file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A])
        || file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
        || (file.Length > 12 && file.StartsWith("RIFF"u8) && file[8..12].SequenceEqual("WEBP"u8));
}
