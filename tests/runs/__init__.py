"""Tests of `luthier.runs`, with real faults wherever they can be had."""
