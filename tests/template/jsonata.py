"""JSONata as its reference implementation evaluates it, the npm package of the version that Step Functions
names: `python jsonata.py FOLDER` puts it into the folder, `Evaluator` runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import npm_package  # noqa: E402

# "JSONata in Step Functions", Developer Guide: version 2.0.6.
PACKAGE = "jsonata@2.0.6"
SHA256 = "4b7d22e3a7b897ac58f4086076dcd18ce09d51311027315e879f1c6df3cf8dd3"
TOOLS = Path(__file__).parents[2] / ".tools"
# $parse is Step Functions' own; it has no $eval.
SERVER = """
const jsonata = require(process.argv[1]);
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  const { text, states } = JSON.parse(line);
  let answer;
  try {
    const expression = jsonata(text);
    expression.assign("eval", undefined);
    expression.registerFunction("parse", (text) => JSON.parse(text), "<s:x>");
    const value = await expression.evaluate(undefined, { states });
    answer = value === undefined ? { error: "the expression has no value" } : { value };
  } catch (error) {
    answer = { error: error.message || String(error), code: error.code };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""


class QueryEvaluationError(Exception):
    """What Step Functions calls States.QueryEvaluationError; the code of JSONata's own begins with S where the
    expression does not parse."""

    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Evaluator:
    """A Node that evaluates expressions until it is closed."""

    def __init__(self):
        node = TOOLS / "browser" / "bin" / "node"
        command = [node, "--eval", SERVER, TOOLS / "jsonata" / "jsonata.js"]
        self.node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.node.stdin.close()
        self.node.wait(10)

    def expression(self, text, states):
        """The value of an expression, without its {% %}, where $states is `states`."""
        self.node.stdin.write(json.dumps({"text": text, "states": states}) + "\n")
        self.node.stdin.flush()
        answer = json.loads(self.node.stdout.readline())
        if "error" in answer:
            raise QueryEvaluationError(f"{answer['error']}: {text}", answer.get("code") or "")
        return answer["value"]

    def value(self, template, states):
        """A value of a definition with its expressions evaluated."""
        if isinstance(template, dict):
            return {name: self.value(value, states) for name, value in template.items()}
        if isinstance(template, list):
            return [self.value(value, states) for value in template]
        if isinstance(template, str) and template.startswith("{%"):
            return self.expression(template.removeprefix("{%").removesuffix("%}").strip(), states)
        return template


def install(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with npm_package.files_of(PACKAGE, SHA256) as files:
        (folder / "jsonata.js").write_bytes(files.extractfile("package/jsonata.js").read())


if __name__ == "__main__":
    install(Path(sys.argv[1]))
