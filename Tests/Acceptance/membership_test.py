"""Members added, promoted, updated, removed and replaced by Debian's etcdctl, under load."""

import re
import shutil
import time

import pytest

from clusters import Cluster
from load import Writers
from servers import free_ports

FLAGS = ["--snapshot-count=500", "--experimental-snapshot-catchup-entries=100", "--log-level=warn"]


@pytest.fixture()
def cluster():
    with Cluster(*FLAGS) as cluster:
        cluster.leader()
        # Until then --strict-reconfig-check takes nobody's word that a quorum is connected.
        time.sleep(5.5)
        yield cluster


def retried(what, seconds=30):
    """Runs etcdctl until it succeeds: a cluster needs a moment to see a new link as a steady one."""
    deadline = time.monotonic() + seconds
    while True:
        code, out, err = what()
        if code == 0:
            return out
        assert time.monotonic() < deadline, out + err
        time.sleep(0.3)


def remove(cluster, member):
    """Removes by etcdctl until it is done: the answer may be lost with a member that is asked for its own removal."""
    def once():
        identity = cluster.ids().get(member.name)
        return (0, "", "") if identity is None else cluster.etcdctl("member", "remove", identity)
    retried(once)


def test_a_voter_is_added_and_another_removed(cluster):
    with Writers(cluster.members) as writers:
        writers.wait_for_more(1500)
        added = cluster.add("m4")
        added.start()
        writers.wait_for_more(300)
        victim = next(each for each in cluster.followers() if each is not added)
        remove(cluster, victim)
        assert victim.process.wait(timeout=20) == 0
        assert "permanently removed from the cluster" in victim.log_text()
        writers.wait_for_more(300)
    cluster.assert_equal_hashes()
    assert sorted(cluster.ids()) == sorted(each.name for each in cluster.members if each is not victim)
    # Its data folder is of no use any more.
    victim.start(wait=False)
    assert victim.process.wait(timeout=20) != 0
    assert "the member has been permanently removed from the cluster" in victim.log_text()


def test_a_member_removed_while_it_was_down_refuses_to_start(cluster):
    victim = cluster.followers()[0]
    victim.kill()
    remove(cluster, victim)
    # Its own log does not hold the removal; the others say so.
    for _ in range(2):
        victim.start(wait=False)
        assert victim.process.wait(timeout=20) == 1
    assert "the member has been permanently removed from the cluster" in victim.log_text()


def test_a_learner_catches_up_and_is_promoted(cluster):
    with Writers(cluster.members) as writers:
        writers.wait_for_more(1500)
        learner = cluster.add("m4", learner=True)
        through_follower = cluster.followers()[0]
        identity = {name or "m4": member for name, member in cluster.ids().items()}["m4"]
        code, out, err = through_follower.etcdctl("member", "promote", identity)
        assert code != 0 and "can only promote a learner member which is in sync with leader" in err, out + err
        learner.start(wait=False)
        retried(lambda: learner.etcdctl("endpoint", "status"))
        code, out, err = learner.etcdctl("put", "a", "b")
        assert code != 0 and "rpc not supported for learner" in err, out + err
        assert learner.etcdctl("get", "load/1", "--keys-only", "--consistency=s")[0] == 0
        out = retried(lambda: through_follower.etcdctl("member", "promote", identity))
        # etcdctl pads a short id with spaces.
        assert re.search(rf"Member +{identity} promoted in cluster", out)
        writers.wait_for_more(300)
        assert learner.etcdctl("put", "a", "b")[0] == 0
    cluster.assert_equal_hashes()


def test_the_leader_is_removed_and_another_takes_over(cluster):
    with Writers(cluster.members) as writers:
        writers.wait_for_more(200)
        leader = cluster.leader()
        others = [each for each in cluster.members if each is not leader]
        code, out, err = others[0].etcdctl("member", "remove", cluster.ids()[leader.name])
        assert code == 0, out + err
        assert leader.process.wait(timeout=20) == 0
        assert cluster.leader(among=others) in others
        writers.wait_for_more(200)
    cluster.assert_equal_hashes()


def test_a_member_moves_to_another_address(cluster):
    with Writers(cluster.members) as writers:
        writers.wait_for_more(200)
        mover = cluster.followers()[0]
        mover.peer_port = free_ports(1)[0]
        code, out, err = cluster.etcdctl(
            "member", "update", cluster.ids()[mover.name], f"--peer-urls={mover.peer_url}")
        assert code == 0, out + err
        mover.stop()
        mover.start()
        writers.wait_for_more(300)
    cluster.assert_equal_hashes()
    assert mover.peer_url in cluster.etcdctl("member", "list")[1]


def test_a_dead_member_is_replaced_by_an_empty_one(cluster):
    """What the log no longer holds comes to the new one as a snapshot."""
    with Writers(cluster.members) as writers:
        writers.wait_for_more(1500)
        dead = cluster.followers()[0]
        dead.kill()
        remove(cluster, dead)
        cluster.members.remove(dead)
        shutil.rmtree(dead.data)
        replacement = cluster.add("m4")
        replacement.start()
        writers.wait_for_more(500)
    cluster.assert_equal_hashes()
    assert list((replacement.data / "d/member/snap").glob("0*.snap")), "no snapshot was sent"


def test_a_member_that_was_down_for_long_gets_a_snapshot(cluster):
    with Writers(cluster.members) as writers:
        victim = cluster.followers()[0]
        victim.kill()
        writers.wait_for_more(3000, seconds=60)
        victim.start()
        writers.wait_for_more(200)
    cluster.assert_equal_hashes()


def test_a_member_that_does_not_fit_is_told_so(cluster):
    stranger = cluster.new_member("m9")
    stranger.initial = cluster.initial_of([*cluster.members, stranger])
    stranger.state = "existing"
    stranger.start(wait=False)
    assert stranger.process.wait(timeout=20) == 1
    assert "member count is unequal" in stranger.log_text()
    added = cluster.add("m4")
    added.peer_port += 1
    added.initial = cluster.initial_of(cluster.members)
    added.start(wait=False)
    assert added.process.wait(timeout=20) == 1
    assert "unmatched member while checking PeerURLs" in added.log_text()
    added.initial = cluster.initial_of(cluster.members[:3])
    added.start(wait=False)
    assert added.process.wait(timeout=20) == 1
    assert "couldn't find local name \\\"m4\\\" in the initial cluster configuration" in added.log_text()


def test_a_member_that_lost_its_data_is_not_founded_again(cluster):
    victim = cluster.followers()[0]
    victim.kill()
    shutil.rmtree(victim.data)
    victim.start(wait=False)
    assert victim.process.wait(timeout=20) == 1
    assert "has already been bootstrapped" in victim.log_text()
