"""Decide: the policy chain, from what an operator writes to the plan that the core runs.

``policy.Policy`` is one rule, its criteria stand in ``policies/``, one file each;
``dialects/`` reads the spellings; ``chain`` finds rules that can never match;
``compile.compile_plan`` makes the ``plan.Plan`` that crosses to Rust.
"""
