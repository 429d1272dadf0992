"""The templates as data: read with their short forms, and evaluated for the parameters of a deployment
as CloudFormation evaluates them."""

import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATES = ["template.yml", *sorted(f"templates/{file.name}" for file in (ROOT / "templates").glob("*.yml"))]


class Tagged(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !Sub) as their long forms."""


def _tagged(loader, suffix, node):
    read = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }[type(node)]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": read(node)}


Tagged.add_multi_constructor("!", _tagged)


@lru_cache
def _loaded(name):
    return yaml.load((ROOT / name).read_text(), Tagged)


def load(name):
    """A template, to read and to change."""
    return deepcopy(_loaded(name))


def strings(value):
    """Every text in a value, names of fields too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


class Deployment:
    """A template with the parameters of a deployment.

    What only a deployment knows has a name in angle brackets: `<WorkBucket>` for a resource's Ref and
    `<WorkBucket.Arn>` for an attribute.
    """

    def __init__(self, name, region="eu-central-1", account_id="111122223333", stack="rollcall", **parameters):
        self.template = _loaded(name)
        unknown = set(parameters) - set(self.template["Parameters"])
        assert not unknown, f"{name} has no parameter {unknown}"
        given = {name: str(value) for name, value in parameters.items()}
        defaults = {n: str(p["Default"]) for n, p in self.template["Parameters"].items() if "Default" in p}
        self.parameters = defaults | given
        partition = "aws-cn" if region.startswith("cn-") else "aws"
        self.pseudo = {
            "AWS::Region": region,
            "AWS::AccountId": account_id,
            "AWS::StackName": stack,
            "AWS::Partition": partition,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            "AWS::NoValue": None,
        }

    @property
    def resources(self):
        """The properties of every resource that is made, by logical id."""
        made = {n: r for n, r in self.template["Resources"].items() if self.holds(r.get("Condition"))}
        return {name: self.value(resource["Properties"]) for name, resource in made.items()}

    def of_type(self, resource_type):
        """The properties of the resources of a type."""
        return {n: p for n, p in self.resources.items() if self.template["Resources"][n]["Type"] == resource_type}

    @property
    def refused_parameters(self):
        """The parameters that CloudFormation does not take, each with what it says is allowed."""
        refused = {}
        for name, parameter in self.template["Parameters"].items():
            if name not in self.parameters or not _allowed(parameter, self.parameters[name]):
                refused[name] = parameter.get("ConstraintDescription", "")
        return refused

    @property
    def broken_rules(self):
        """The sentences of the rules that the parameters break."""
        rules = self.template.get("Rules", {}).values()
        asserted = [a for rule in rules if self.value(rule.get("RuleCondition", True)) for a in rule["Assertions"]]
        return [assertion["AssertDescription"] for assertion in asserted if not self.value(assertion["Assert"])]

    def holds(self, condition):
        return condition is None or self.value(self.template["Conditions"][condition])

    def value(self, node):
        """A value with its functions evaluated. What has no value is left out."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref" or name.startswith("Fn::") or (name == "Condition" and isinstance(argument, str)):
                return getattr(self, "_" + name.removeprefix("Fn::").lower())(argument)
        values = {name: self.value(value) for name, value in node.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _ref(self, name):
        if name in self.pseudo:
            return self.pseudo[name]
        return self.parameters.get(name, f"<{name}>")

    def _getatt(self, attribute):
        return f"<{attribute if isinstance(attribute, str) else '.'.join(attribute)}>"

    def _condition(self, name):
        return self.holds(name)

    def _if(self, argument):
        condition, then, otherwise = argument
        return self.value(then if self.holds(condition) else otherwise)

    def _equals(self, pair):
        left, right = map(self.value, pair)
        return str(left) == str(right)

    def _not(self, argument):
        return not self.value(argument[0])

    def _and(self, arguments):
        return all(map(self.value, arguments))

    def _or(self, arguments):
        return any(map(self.value, arguments))

    def _contains(self, argument):
        values, value = argument
        return self.value(value) in self.value(values)

    def _sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = self.value(own)

        def put(found):
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return own[name]
            return self._getatt(name) if "." in name else self._ref(name)

        return re.sub(r"\$\{([^}]+)\}", put, text)

    def _join(self, argument):
        separator, values = argument
        return separator.join(self.value(values))

    def _split(self, argument):
        separator, text = argument
        return self.value(text).split(separator)

    def _select(self, argument):
        index, values = argument
        values = self.value(values)
        # What only a deployment knows is not split into as many parts.
        return values[int(index)] if int(index) < len(values) else f"<part of {values[0]}>"

    def _findinmap(self, argument):
        of, first, second = argument
        return self.template["Mappings"][of][self.value(first)][self.value(second)]


def _allowed(parameter, value):
    if "AllowedValues" in parameter:
        return value in [str(allowed) for allowed in parameter["AllowedValues"]]
    if parameter["Type"] == "Number":
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            return False
        return parameter.get("MinValue", float(value)) <= float(value) <= parameter.get("MaxValue", float(value))
    # The pattern has to match all of the value, and by Java's rules letters are those of ASCII.
    return re.fullmatch(parameter.get("AllowedPattern", ".*"), value, re.ASCII) is not None
