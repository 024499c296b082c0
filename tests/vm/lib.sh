# shellcheck shell=sh
# lib.sh: sourced by the tests in shell. `subtest NAME` begins a case of the test; the case before
# it has passed. The cases are printed as TAP, like those of testlib.h.
set -eu

case_number=0 case_name=
end_cases() { # EXIT-STATUS
	[ $case_number != 0 ] || return 0
	[ "$1" = 0 ] || printf 'not '
	printf 'ok %d - %s\n1..%d\n' "$case_number" "$case_name" "$case_number"
}
trap 'end_cases $?' EXIT

subtest() { # NAME
	[ $case_number = 0 ] || echo "ok $case_number - $case_name"
	case_number=$((case_number + 1)) case_name=$1
}
