using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

internal sealed class RecordingListener : IDenoiseListener
{
    public List<(int Step, int Steps)> Steps { get; } = [];
    public List<PreviewLatents> Previews { get; } = [];
    public List<DecodedPicture> Pictures { get; } = [];
    public DenoiseSummary? Summary { get; private set; }
    public DenoiseFailure? Failure { get; private set; }
    public bool Ended => Summary is not null || Failure is not null;

    public void Progress(int step, int steps) => Steps.Add((step, steps));
    public void Preview(PreviewLatents preview) => Previews.Add(preview);
    public void Picture(DecodedPicture picture) => Pictures.Add(picture);

    public void Finished(DenoiseSummary summary)
    {
        Assert.False(Ended);
        Summary = summary;
    }

    public void Failed(DenoiseFailure failure)
    {
        Assert.False(Ended);
        Failure = failure;
    }
}

internal sealed class SilentListener : IDenoiseListener
{
    public void Progress(int step, int steps) { }
    public void Preview(PreviewLatents preview) { }
    public void Picture(DecodedPicture picture) { }
    public void Finished(DenoiseSummary summary) { }
    public void Failed(DenoiseFailure failure) { }
}
