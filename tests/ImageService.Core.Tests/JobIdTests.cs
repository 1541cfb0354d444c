namespace ImageService.Core.Tests;

public sealed class JobIdTests
{
    [Fact]
    public void An_id_reads_back_as_itself()
    {
        var id = JobId.New(TimeProvider.System);
        Assert.True(JobId.TryParse(id.Value, out var read));
        Assert.Equal(id, read);
        Assert.Equal(id, JobId.Parse(id.ToString()));
        Assert.Equal(30, id.Value.Length);
    }

    [Fact]
    public void Ids_sort_by_their_time()
    {
        var time = new SetClock();
        var ids = new List<string>();
        foreach (var milliseconds in new[] { 0L, 1, 31, 32, 1_000_000, 1_767_225_600_000, 1_767_225_600_001, 253_402_300_799_999 })
        {
            time.Now = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
            ids.Add(JobId.New(time).Value);
        }
        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
    }

    [Fact]
    public void The_time_stands_in_the_first_ten_letters() =>
        Assert.StartsWith("job_00000000zz", JobId.New(new SetClock { Now = DateTimeOffset.FromUnixTimeMilliseconds(1023) }).Value, StringComparison.Ordinal);

    [Fact]
    public void Ids_of_one_moment_differ()
    {
        var time = new SetClock();
        Assert.Equal(10_000, Enumerable.Range(0, 10_000).Select(_ => JobId.New(time)).Distinct().Count());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("job_")]
    [InlineData("job_0123456789abcdefghjkmnpqr")]
    [InlineData("job_0123456789abcdefghjkmnpqrst")]
    [InlineData("job_0123456789abcdefghjkmnpqri")]
    [InlineData("job_0123456789ABCDEFGHJKMNPQRS")]
    [InlineData("JOB_0123456789abcdefghjkmnpqrs")]
    [InlineData("job_../../../../../etc/passwd0")]
    [InlineData("job_0123456789abcdefghjkmnpq\0s")]
    [InlineData(" ob_0123456789abcdefghjkmnpqrs")]
    public void Anything_else_is_no_id(string? text)
    {
        Assert.False(JobId.TryParse(text, out var id));
        Assert.Equal(default, id);
        if (text is not null)
            Assert.Throws<FormatException>(() => JobId.Parse(text));
    }

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
