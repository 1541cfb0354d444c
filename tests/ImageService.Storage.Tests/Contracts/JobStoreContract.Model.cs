using FsCheck;
using FsCheck.Fluent;
using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    private const int ProgressSteps = 300; // more than a byte counts
    private static readonly string[] ModelNames = ["m1", "m2"];

    /// <summary>Two bytes are one command, so that a failing sequence shrinks by itself.</summary>
    [Fact]
    public void Any_sequence_of_commands_leaves_what_the_model_says() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60).WithStartSize(20).WithEndSize(240), Prop.ForAll(
            ArbMap.Default.ArbFor<byte[]>(), (Action<byte[]>)(bytes => RunAsync(bytes).GetAwaiter().GetResult())));

    private async Task RunAsync(byte[] commands)
    {
        await using var fresh = await OpenAsync(100_000);
        place = fresh;
        var model = new QueueModel();
        var leases = new List<Lease>();
        for (var i = 0; i + 1 < commands.Length; i += 2)
            await RunAsync(model, leases, commands[i] % 14, commands[i + 1]);
        await CompareAsync(model);
    }

    private async Task RunAsync(QueueModel model, List<Lease> leases, int command, int pick)
    {
        var lease = leases.Count == 0 ? default : leases[pick % leases.Count]; // any lease ever given: late ones too
        var job = lease == default ? null : model.Find(lease.Id);
        var held = lease != default && model.IsHeld(lease);
        switch (command)
        {
            case 0 or 1 or 2:
                var submission = Submission($"client-{pick % 3}", ModelNames[pick / 3 % 2], pick / 6 % 3 - 1, images: 1 + pick % 3);
                var submitted = (await Store.SubmitAsync(submission, Stop)).Job!;
                Assert.Equal(model.PositionOf(model.Submit(submission)), submitted.QueuePosition);
                break;
            case 3 or 4:
                await LeaseBothAsync(model, leases, 1 + pick % 3, ModelNames);
                break;
            case 5:
                await LeaseBothAsync(model, leases, 1 + pick % 3, ModelNames[pick % 2]);
                break;
            case 6 when model.Jobs.Count > 0:
                var chosen = model.Jobs[pick % model.Jobs.Count];
                if (!chosen.IsFinal)
                    model.End(chosen, JobStatus.Canceled);
                Assert.Equal(chosen.Status, (await Store.CancelAsync(chosen.Id, Stop))!.Status);
                break;
            case 7 when held:
                await place.ExpireLeaseAsync(lease.Id);
                await place.Retention.ReturnExpiredLeasesAsync(Stop);
                model.Retry(job!);
                break;
            case 8 when job is not null:
                Assert.Equal(held, await Queue.PublishProgressAsync(lease, pick, ProgressSteps, Stop));
                if (held)
                    (job.Step, job.Events) = (pick, job.Events + 1);
                break;
            case 9 when job is not null:
                Assert.Equal(held, await Queue.CompleteAsync(lease, Result(lease), Stop));
                if (held)
                    model.End(job, JobStatus.Succeeded);
                break;
            case 10 when job is not null:
                Assert.Equal(held, await Queue.FailAsync(lease, Broken, retry: false, Stop));
                if (held)
                    model.End(job, JobStatus.Failed);
                break;
            case 11 when job is not null:
                Assert.Equal(held, await Queue.FailAsync(lease, Broken, retry: true, Stop));
                if (held)
                    model.Retry(job);
                break;
            case 12 when job is not null:
                var state = pick % 2 == 0 ? [] : new[] { (byte)pick };
                Assert.Equal(held, await Queue.ReleaseAsync(lease, state, Stop));
                if (held)
                    model.Requeue(job, countAttempt: false, state);
                break;
            case 13 when job is not null:
                Assert.Equal(held ? [] : [lease], (await Queue.RenewAsync([lease], Long, Stop)).Select(l => l.Lease));
                break;
        }
    }

    private async Task LeaseBothAsync(QueueModel model, List<Lease> leases, int max, params string[] models)
    {
        var real = await LeaseAsync(max, models);
        var expected = model.Lease(max, models);
        Assert.Equal(expected.Select(j => (j.Id, j.Attempts, Convert.ToHexString(j.State))),
            real.Select(l => (l.Job.Id, l.Job.Attempts, Convert.ToHexString(l.State.Span))));
        for (var i = 0; i < real.Count; i++)
        {
            Assert.True(real[i].Lease.Token >= expected[i].Token); // grows; by how much is the store's business
            expected[i].Token = real[i].Lease.Token;
            leases.Add(real[i].Lease);
        }
    }

    private static void CompareLoad(QueueModel model, QueueModel.Entry expected, QueueLoad? load)
    {
        if (expected.IsFinal)
        {
            Assert.Null(load);
            return;
        }
        var (held, heldLeft, heldRows) = model.Held(ProgressSteps);
        var met = load!.Value;
        Assert.Equal((held, heldLeft, heldRows), (met.Held, met.HeldLeft, met.HeldRows));
        if (expected.Status != JobStatus.Queued)
            Assert.Equal(0, met.Ahead);
        else
            Assert.Equal(model.PositionOf(expected) == 0, met.Ahead == 0);
        // No closer: the jobs of a client count as alike.
        Assert.InRange(met.Ahead, 0, model.Jobs.Where(j => j.Status == JobStatus.Queued).Sum(j => j.Cost));
    }

    private async Task CompareAsync(QueueModel model)
    {
        foreach (var expected in model.Jobs)
        {
            var job = await GetAsync(expected.Id);
            Assert.Equal((expected.Status, expected.Attempts), (job.Status, job.Attempts));
            Assert.Equal(expected.Status == JobStatus.Queued ? model.PositionOf(expected) : null, job.QueuePosition);
            CompareLoad(model, expected, job.Load);
            if (expected.Status != JobStatus.Succeeded)
                Assert.Equal(expected.Step, job.Step);
            if (!expected.IsFinal)
                continue;
            var log = await LogAsync(expected.Id);
            Assert.Equal(expected.Events, log[^1].Sequence);
            Assert.Equal(expected.Status, Assert.IsType<JobFinished>(log[^1]).Job.Status);
            Assert.Single(log, e => e is JobFinished);
        }
        Assert.Equal(new QueueDepth(model.Jobs.Count(j => j.Status == JobStatus.Queued), model.Jobs.Count(j => j.Status == JobStatus.Running)),
            await Store.DepthAsync(Stop));
        Assert.Equal(Math.Min(100, model.Jobs.Count), (await Store.ListAsync(new JobQuery(100), Stop)).Jobs.Count);
    }
}
