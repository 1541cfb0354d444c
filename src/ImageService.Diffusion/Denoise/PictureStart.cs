namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Where drawing a picture begins. Text to image: pure noise at step 0. A start image: its noised latents further down; inpainting adds what the U-Net
/// sees besides the latents, or what keeps the unmasked part in place.
/// </summary>
/// <param name="Latents">[LatentChannels, height, width], as the scheduler expects them at <paramref name="FirstStep"/>; the task's own from now on.</param>
/// <param name="FirstStep">0..StepCount-1.</param>
/// <param name="ExtraChannels">[UNetChannels - LatentChannels, height, width], shown to the U-Net behind the latents at every step; null if it takes none.</param>
/// <param name="AfterStep">Called with the index of the next step and the latents that will enter it; may change them. Null = nothing to do.</param>
public sealed record PictureStart(float[] Latents, int FirstStep = 0, float[]? ExtraChannels = null, AfterStep? AfterStep = null);

/// <param name="nextStep">1..StepCount; StepCount means that these are the final latents.</param>
public delegate void AfterStep(int nextStep, Span<float> latents);
