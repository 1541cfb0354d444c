using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Tests.Noise;

internal static class GeneratorState
{
    public static void GoesOnAfterRestore(Func<long, NoiseGenerator> create, int length)
    {
        var (first, expected, actual) = (new float[length], new float[length], new float[length]);
        var saved = create(42);
        saved.Fill(first);
        using var state = new MemoryStream();
        using (var writer = new BinaryWriter(state, System.Text.Encoding.UTF8, leaveOpen: true))
            saved.SaveState(writer);
        saved.Fill(expected);

        state.Position = 0;
        var restored = create(0);
        using var reader = new BinaryReader(state);
        restored.RestoreState(reader);
        restored.Fill(actual);

        Assert.Equal(expected, actual);
        Assert.NotEqual(first, actual);
        Assert.Equal(state.Length, state.Position);
    }
}
