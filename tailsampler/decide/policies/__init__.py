"""The criteria a policy can have, one file each.

A criterion is a module with a mixin of settings, and

- ``clause(policy, table)``: its part of the rule, or None if the policy does not use it;
- ``words(policy)``: the same for people, or None;
- ``covers(earlier, later)``: whether each trace that meets it in ``later`` meets it in ``earlier``.

A policy with several criteria means all of them. ``default`` is the policy with none.
"""
