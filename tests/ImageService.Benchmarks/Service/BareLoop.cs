using System.Diagnostics;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx;

namespace ImageService.Benchmarks.Service;

/// <summary>
/// The least that any service would have to do: the sessions run one after the other for the pictures of a list, U-Net calls with full rows, and nothing
/// else. No noise schedulers, no PNG, no store, no HTTP.
/// </summary>
internal sealed class BareLoop : IDisposable
{
    private readonly IDiffusionModel _model;
    private readonly UNetBatch _batch;
    private readonly IReadOnlyList<TimedRequest> _pictures;
    private readonly int[] _tokens;
    private readonly float[] _hidden;
    private readonly float[] _latents;
    private readonly byte[] _rgb;
    private readonly int _side; // latents
    private int _next;
    private long _owed; // row-steps computed since the last picture was complete

    /// <param name="side">Pixels of a picture's side.</param>
    /// <param name="maxRows">Rows of each U-Net call.</param>
    /// <param name="pictures">Gone through again and again; only steps and rows matter.</param>
    public BareLoop(OnnxModels models, string id, int side, int maxRows, IReadOnlyList<TimedRequest> pictures)
    {
        _model = models.Load(id);
        _pictures = pictures;
        var info = _model.Info;
        var encoder = info.TextEncoders[0];
        _side = side / info.VaeScale;
        _tokens = new int[encoder.ContextLength];
        _hidden = new float[encoder.ContextLength * encoder.HiddenSize];
        _latents = new float[info.LatentChannels * _side * _side];
        _rgb = new byte[side * side * 3];
        _batch = new UNetBatch(new BatchKey(id, _side, _side, encoder.ContextLength), info, maxRows) { Rows = maxRows };
        Fill(_batch.Sample);
        Fill(_latents);
        Array.Fill(_batch.Timestep, 500);
    }

    /// <summary>Runs for about so long, from where it stood.</summary>
    /// <returns>U-Net rows computed, and the seconds they took with the encoders' and decoders' work for them.</returns>
    public (long Rows, double Seconds) Run(double seconds)
    {
        var began = Stopwatch.GetTimestamp();
        long rows = 0;
        while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
        {
            _model.PredictNoise(_batch);
            rows += _batch.Rows;
            _owed += _batch.Rows;
            for (; _owed >= RowSteps(_pictures[_next]); _next = (_next + 1) % _pictures.Count)
            {
                _owed -= RowSteps(_pictures[_next]);
                // The empty negative prompt is the same for all.
                _model.EncodeTokens(0, _tokens, null, _hidden, []);
                _model.DecodeLatents(_side, _side, _latents, _rgb);
            }
        }
        return (rows, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    public void Dispose() => _model.Dispose();

    private static long RowSteps(TimedRequest picture) => (long)picture.Rows * picture.Steps;

    private static void Fill(float[] values)
    {
        var random = new Random(1);
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)((2 * random.NextDouble()) - 1);
    }
}
