"""Nodes without machines, for tests of what happens around nodes: `minik server --fake-nodes 1000`.

    node.py         what a fake node looks like (pure)         registry.py   registers them and keeps them Ready
    pod_stages.py   what its kubelet would do next (pure)      pods.py       does it
    addresses.py    Pod addresses by node                      heartbeats.py renews the Leases of all of them

The idea, and the stages of a Pod's life, are kwok's: https://kwok.sigs.k8s.io/docs/user/stages-configuration/
"""
