namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The guidance scale as U-Nets distilled for it take it (latent consistency models): a sinusoidal embedding in place of a second row.
/// Source: Kingma et al. 2021 through diffusers' <c>get_guidance_scale_embedding</c>, called with the scale minus 1.
/// </summary>
internal static class GuidanceEmbedding
{
    public static void Write(float guidanceScale, Span<float> into)
    {
        var w = (guidanceScale - 1) * 1000f;
        var half = into.Length / 2;
        into.Clear();
        for (var i = 0; i < half; i++)
        {
            var angle = w * MathF.Exp(-MathF.Log(10000f) / (half - 1) * i);
            into[i] = MathF.Sin(angle);
            into[half + i] = MathF.Cos(angle);
        }
    }
}
