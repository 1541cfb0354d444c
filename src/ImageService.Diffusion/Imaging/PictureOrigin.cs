namespace ImageService.Diffusion.Imaging;

/// <summary>On what a picture was drawn: what must be the same, besides the request, for the same bytes.</summary>
/// <param name="Provider">Execution provider: <c>cpu</c>, <c>cuda</c>.</param>
/// <param name="RuntimeVersion">Version of the inference runtime.</param>
/// <param name="Rows">Rows of the U-Net calls; with <see cref="Core.Determinism.Fast"/> the largest number met.</param>
public sealed record PictureOrigin(string Provider, string RuntimeVersion, int Rows);
