# SPDX-License-Identifier: GPL-2.0-or-later
"""tap.py FILE...: runs the unit tests of FILEs and prints TAP. The exit status is 0 if all passed."""

import importlib.util
import sys
import traceback
import unittest


class Result(unittest.TestResult):
    def line(self, word, test, note=""):
        name = test.id().split(".", 1)[1].replace("_", " ")
        print(f"{word} {self.testsRun} - {name}{note}", flush=True)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        self.line("ok", test, f" # SKIP {reason}")

    def fail(self, test, error):
        for line in "".join(traceback.format_exception(*error)).splitlines():
            print("#", line)
        self.line("not ok", test)
        self.bad = True

    addFailure = addError = fail
    bad = False


suite = unittest.TestSuite()
for number, path in enumerate(sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(f"tests{number}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
print(f"1..{suite.countTestCases()}")
result = Result()
suite.run(result)
sys.exit(result.bad or not result.testsRun)
