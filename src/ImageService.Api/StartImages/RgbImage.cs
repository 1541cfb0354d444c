namespace ImageService.Api.StartImages;

/// <param name="Pixels">Width x Height x 3 bytes, RGB rows from the top.</param>
internal sealed record RgbImage(int Width, int Height, byte[] Pixels)
{
    /// <summary>Luma as PIL's convert("L") computes it (ITU-R BT.601 in 16-bit fixed point), then black or white: diffusers binarizes masks at one half.</summary>
    public byte[] ToMask()
    {
        var mask = new byte[Width * Height];
        for (var i = 0; i < mask.Length; i++)
        {
            var luma = ((Pixels[3 * i] * 19595) + (Pixels[(3 * i) + 1] * 38470) + (Pixels[(3 * i) + 2] * 7471) + 0x8000) >> 16;
            mask[i] = luma >= 128 ? (byte)255 : (byte)0;
        }
        return mask;
    }
}
