from minik.agent.kubelet.resize import changes


def pod(cpu, policy=None):
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    if policy:
        container["resizePolicy"] = [{"resourceName": "cpu", "restartPolicy": policy}]
    return {"spec": {"containers": [container]}}


def test_only_real_differences_count():
    assert changes(pod("1"), pod("1000m")) == []
    [change] = changes(pod("1"), pod("2"))
    assert (change.restart, change.before) == (False, {"requests": {"cpu": "1"}})


def test_the_resize_policy_may_ask_for_a_restart():
    [change] = changes(pod("1"), pod("2", "RestartContainer"))
    assert change.restart
