using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class StepBatcherTests
{
    private static readonly GroupKey Small = Group(8);
    private static readonly GroupKey Large = Group(16);

    [Fact]
    public void Members_join_in_order_while_rows_are_free()
    {
        var batcher = Batcher(maxRows: 4);
        Member[] members = [new(Small), new(Small), new(Small)];
        foreach (var member in members)
            batcher.Add(member);

        Assert.Equal(members[..2], batcher.Next()!.Stepping);
        batcher.Remove(members[0]);
        Assert.Equal(members[1..], batcher.Next()!.Stepping);
    }

    [Fact]
    public void One_that_does_not_fit_lets_others_pass()
    {
        var batcher = Batcher(maxRows: 3);
        Member[] members = [new(Small), new(Small), new(Small, Rows: 1)];
        foreach (var member in members)
            batcher.Add(member);

        Assert.Equal([members[0], members[2]], batcher.Next()!.Stepping);
    }

    [Fact]
    public void Nobody_passes_one_that_has_been_passed_for_too_long()
    {
        var batcher = Batcher(maxRows: 3, ageLimit: 5);
        var first = new Member(Small);
        Member[] narrow = [new(Small, Rows: 1), new(Small, Rows: 1)];
        var wide = new Member(Small);
        foreach (var member in new[] { first, wide, narrow[0] })
            batcher.Add(member);
        for (var i = 0; i < 7; i++)
            Assert.Equal([first, narrow[0]], batcher.Next()!.Stepping);
        batcher.Add(narrow[1]);
        batcher.Remove(narrow[0]);

        Assert.Equal([first], batcher.Next()!.Stepping);
        batcher.Remove(first);
        Assert.Equal([wide, narrow[1]], batcher.Next()!.Stepping);
    }

    [Fact]
    public void Rows_are_shared_by_cost_between_clients_and_not_by_jobs()
    {
        var batcher = Batcher(maxRows: 2);
        var waiting = Enumerable.Range(0, 40).Select(i => new Member(Small) { Client = "a", Left = 10 })
            .Concat(Enumerable.Range(0, 400).Select(i => new Member(Small) { Client = "b", Left = 1 })).ToList();
        waiting.ForEach(batcher.Add);
        var steps = new Dictionary<string, int> { ["a"] = 0, ["b"] = 0 };
        for (var step = 0; step < 200; step++)
        {
            var member = batcher.Next()!.Stepping[0];
            steps[member.Client]++;
            if (--member.Left == 0)
                batcher.Remove(member);
        }

        Assert.InRange(steps["a"], 90, 110);
    }

    [Fact]
    public void A_client_with_one_job_does_not_wait_for_anothers_thousand()
    {
        var batcher = Batcher(maxRows: 4);
        var crowd = Enumerable.Range(0, 1000).Select(i => new Member(Small) { Client = "a", Left = 20 }).ToList();
        crowd.ForEach(batcher.Add);
        for (var step = 0; step < 100; step++)
            batcher.Next();
        var single = new Member(Small) { Client = "b", Left = 20 };
        batcher.Add(single);

        batcher.Remove(batcher.Next()!.Stepping[0]);

        Assert.Contains(single, batcher.Next()!.Stepping);
    }

    [Fact]
    public void A_clients_higher_priority_goes_first_and_no_other_client_feels_it()
    {
        var batcher = Batcher(maxRows: 2);
        Member[] members = [new(Small) { Client = "a", Number = 0 }, new(Small) { Client = "a", Number = 1 }, new(Small) { Client = "b", Number = 2 },
            new(Small) { Client = "a", Number = 3, Priority = 5 }, new(Small) { Client = "a", Number = 4, Priority = 5 }];
        foreach (var member in members)
            batcher.Add(member);

        Assert.Equal([3, 2, 4, 0, 1], Drain(batcher).Select(m => m.Number));
    }

    [Fact]
    public void A_short_one_has_the_rows_of_a_long_one_which_then_goes_on_before_anyone_joins()
    {
        var batcher = Batcher(maxRows: 4);
        Member[] running = [new(Small) { Left = 20 }, new(Small) { Left = 40 }];
        var brief = new Member(Small) { Left = 4, Client = "b" };
        Array.ForEach(running, batcher.Add);
        batcher.Next();
        batcher.Add(brief);
        Assert.Equal([running[0], brief], batcher.Next()!.Stepping);
        batcher.Add(new Member(Small, Rows: 1) { Left = 25, Client = "c" });
        Assert.Equal([running[0], brief], batcher.Next()!.Stepping);

        batcher.Remove(brief);
        Assert.Equal([running[0], running[1]], batcher.Next()!.Stepping);
    }

    [Fact]
    public void Whoever_comes_a_long_one_is_paused_twice_at_most()
    {
        var batcher = Batcher(maxRows: 2);
        var patient = new Member(Small) { Left = 100 };
        batcher.Add(patient);
        batcher.Next();
        var passed = 0;
        for (var i = 0; i < 10; i++)
        {
            var brief = new Member(Small) { Left = 1, Client = $"client {i}" };
            batcher.Add(brief);
            while (batcher.Next()!.Stepping[0] == brief)
            {
                passed++;
                batcher.Remove(brief);
            }
        }

        Assert.Equal(2, passed);
        Assert.Equal(2, patient.Pauses);
    }

    [Fact]
    public void Priority_pauses_work_of_the_same_client_and_of_no_other()
    {
        var batcher = Batcher(maxRows: 2);
        var running = new Member(Small) { Left = 10, Client = "a" };
        var stranger = new Member(Small) { Left = 10, Client = "b", Priority = 10 };
        var urgent = new Member(Small) { Left = 10, Client = "a", Priority = 1 };
        batcher.Add(running);
        batcher.Next();
        batcher.Add(stranger);
        Assert.Equal([running], batcher.Next()!.Stepping);
        batcher.Add(urgent);

        Assert.Equal([urgent], batcher.Next()!.Stepping);
    }

    [Fact]
    public void A_stream_of_new_clients_does_not_keep_an_old_one_out()
    {
        var batcher = Batcher(maxRows: 2);
        Member[] old = [new(Small) { Client = "old" }, new(Small) { Client = "old" }];
        batcher.Add(old[0]);
        batcher.Add(old[1]);
        batcher.Next();
        batcher.Remove(old[0]);
        for (var step = 0; step < 10; step++)
        {
            batcher.Add(new Member(Small) { Client = $"new {step}" });
            var running = batcher.Next()!.Stepping[0];
            if (running == old[1])
                return;
            batcher.Remove(running);
        }
        Assert.Fail("The old client was never served.");
    }

    [Fact]
    public void A_member_larger_than_the_budget_runs_by_itself()
    {
        var batcher = Batcher(maxRows: 1);
        Member[] members = [new(Small), new(Small)];
        batcher.Add(members[0]);
        batcher.Add(members[1]);

        Assert.Equal(members[..1], batcher.Next()!.Stepping);
    }

    [Fact]
    public void Resident_groups_take_turns()
    {
        var batcher = Batcher(maxRows: 8);
        batcher.Add(new Member(Small));
        batcher.Add(new Member(Large));

        Assert.Equal([Small, Large, Small, Large], Enumerable.Range(0, 4).Select(_ => batcher.Next()!.Key));
    }

    [Fact]
    public void A_group_that_leaves_does_not_cost_another_its_turn()
    {
        var batcher = Batcher(maxRows: 8);
        Member[] members = [new(Small), new(Large), new(Group(32))];
        foreach (var member in members)
            batcher.Add(member);
        batcher.Next();
        batcher.Remove(members[0]);

        Assert.Equal([Large, Group(32), Large], Enumerable.Range(0, 3).Select(_ => batcher.Next()!.Key));
    }

    [Fact]
    public void A_shape_without_a_place_gets_one_although_the_others_never_run_dry()
    {
        var batcher = Batcher(maxRows: 4, maxGroups: 1, ageLimit: 10);
        var running = new Queue<Member>();
        for (var i = 0; i < 2; i++)
            Add(batcher, running, new Member(Small));
        batcher.Next();
        var other = new Member(Large);
        batcher.Add(other);
        for (var step = 0; step < 40; step++)
        {
            Add(batcher, running, new Member(Small));
            var group = batcher.Next()!;
            if (group.Stepping.Contains(other))
                return;
            if (step % 3 == 0)
                batcher.Remove(running.Dequeue());
        }
        Assert.Fail("The other shape never ran.");
    }

    [Fact]
    public void A_scalar_timestep_takes_the_timesteps_in_turn()
    {
        var batcher = Batcher(maxRows: 8);
        Member[] members = [new(Small, PerRow: false) { At = 900 }, new(Small, PerRow: false) { At = 500 }, new(Small, PerRow: false) { At = 900 }];
        foreach (var member in members)
            batcher.Add(member);

        Assert.Equal([members[0], members[2]], batcher.Next()!.Stepping);
        Assert.Equal([members[1]], batcher.Next()!.Stepping);
        Assert.Equal([members[0], members[2]], batcher.Next()!.Stepping);
    }

    /// <summary>
    /// Any history of arrivals, cancels and steps: nobody is in two places or lost, no call exceeds its budget, a client's equals keep their order,
    /// and when nothing more arrives everyone finishes.
    /// </summary>
    [Property(MaxTest = 300)]
    public Property Whatever_happens_everyone_is_served_once_and_within_the_budget() =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            var random = new System.Random(seed);
            var (maxRows, maxGroups) = (random.Next(1, 9), random.Next(1, 4));
            var batcher = Batcher(maxRows, maxGroups, ageLimit: random.Next(0, 20));
            var present = new List<Member>();
            var started = new List<Member>();
            var arrivals = random.Next(1, 40);
            var stepsSinceArrival = 0;
            for (var added = 0; added < arrivals || present.Count > 0;)
            {
                while (added < arrivals && random.Next(3) == 0)
                {
                    var size = random.Next(1, 5);
                    present.Add(new Member(Group(size, exact: random.Next(4) == 0), random.Next(1, 3), PerRow: size > 2)
                    {
                        Client = $"client {random.Next(3)}",
                        Priority = random.Next(2),
                        Number = added++,
                        Left = random.Next(4) == 0 ? 60 : random.Next(1, 15),
                        At = random.Next(3),
                    });
                    batcher.Add(present[^1]);
                    stepsSinceArrival = 0;
                }
                if (present.Count > 0 && random.Next(10) == 0)
                {
                    var leaving = present[random.Next(present.Count)];
                    Check(batcher.Remove(leaving) && !batcher.Remove(leaving), "Canceled once.");
                    present.Remove(leaving);
                }
                var group = batcher.Next();
                Check(batcher.WaitingCount + batcher.RunningCount == present.Count, "Nobody is lost or doubled.");
                if (group is null)
                {
                    Check(present.Count == 0, "Nobody stands idle.");
                    continue;
                }
                CheckStep(group, present, maxRows);
                started.AddRange(group.Stepping.Where(m => !started.Contains(m)));
                foreach (var member in group.Stepping.ToList())
                {
                    member.At = (member.At + 1) % 3;
                    if (--member.Left > 0)
                        continue;
                    Check(batcher.Remove(member), "The finished one was there.");
                    present.Remove(member);
                }
                Check(++stepsSinceArrival < 40 * 60 * 20, "Nobody starves.");
            }
            // Per-row members alone: scalar ones wait for their timestep once they have joined.
            foreach (var equals in started.Where(m => m.TimestepPerRow).GroupBy(m => (m.Group, m.Rows, m.Client, m.Priority)))
                Check(equals.Select(m => m.Number).SequenceEqual(equals.Select(m => m.Number).Order()), "Equals of a client start in order.");
        });

    private static void CheckStep(BatchGroup<Member> group, List<Member> present, int maxRows)
    {
        var stepping = group.Stepping;
        Check(stepping.Count > 0 && stepping.Distinct().Count() == stepping.Count, "No row twice.");
        Check(stepping.All(m => m.Group == group.Key && present.Contains(m)), "Only those who are here and of one shape.");
        Check(group.SteppingRows == stepping.Sum(m => m.Rows), "Rows add up.");
        Check(stepping.Count == 1 || group.SteppingRows <= (group.Key.Exact ? 2 : maxRows), "The budget is kept.");
        Check(stepping.All(m => m.TimestepPerRow) || stepping.Select(m => m.At).Distinct().Count() == 1, "Scalar timesteps are equal.");
    }

    private static void Check(bool holds, string what) => Assert.True(holds, what);

    private static void Add(StepBatcher<Member> batcher, Queue<Member> running, Member member)
    {
        running.Enqueue(member);
        batcher.Add(member);
    }

    private static IEnumerable<Member> Drain(StepBatcher<Member> batcher)
    {
        while (batcher.Next() is { } group)
        {
            yield return group.Stepping[0];
            batcher.Remove(group.Stepping[0]);
        }
    }

    private static GroupKey Group(int size, bool exact = false) => new(new BatchKey("m", size, size, 77), exact);

    private static StepBatcher<Member> Batcher(int maxRows, int maxGroups = 4, int ageLimit = 64) =>
        new(new RowPolicy { Budget = _ => maxRows, ExactRows = 2 }, static _ => { }, maxGroups, ageLimit);

    private sealed class Member(GroupKey group, int Rows = 2, bool PerRow = true) : IBatchMember
    {
        public int Pauses { get; set; }
        public object Job { get; init; } = new();
        public Schedule Schedule { get; init; }
        public string Client { get; init; } = "";
        public int Priority { get; init; }
        public Charge Charge => new(Client, Priority, Rows * Math.Max(1, Left));
        public int Number { get; init; }
        public int Left { get; set; }
        public float At { get; set; }
        public GroupKey Group { get; } = group;
        public int Rows { get; } = Rows;
        public float Timestep => At;
        public bool TimestepPerRow { get; } = PerRow;
        public override string ToString() => $"#{Number} {Rows} rows";
    }
}
