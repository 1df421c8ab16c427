"""--force-new-cluster: a member that lost its majority goes on alone, with everything it had."""

import pytest

from servers import OURS, REAL, Server, free_ports


@pytest.mark.parametrize("binary", [OURS, REAL], ids=["ours", "etcd"])
def test_a_member_without_its_majority_is_forced_into_a_cluster_of_its_own(binary):
    with Server(binary) as server:
        server.start()
        assert server.etcdctl("put", "kept", "1")[1] == "OK\n"
        other = f"--peer-urls=http://127.0.0.1:{free_ports(1)[0]}"
        assert server.etcdctl("member", "add", "other", other)[0] == 0
        # Two voters, one of them never started: there is no majority any more.
        assert server.etcdctl("put", "lost", "1", "--command-timeout=1s")[0] != 0
        server.kill()
        server.flags.append("--force-new-cluster")
        server.start()
        assert server.etcdctl("get", "kept")[1] == "kept\n1\n"
        assert server.etcdctl("put", "new", "1")[1] == "OK\n"
        assert server.etcdctl("member", "list")[1].count("\n") == 1
        server.kill()
        server.flags.pop()
        server.start()
        assert server.etcdctl("get", "new")[1] == "new\n1\n"
        assert server.etcdctl("member", "list")[1].count("\n") == 1
