# shellcheck shell=bash
# Completion of vfifo for bash. The words come from the command itself: verbs, options and
# columns from --help, devices from `vfifo list`.

# Runs vfifo with the --sysroot of the line.
_vfifo_run() {
	local i command=(vfifo)
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} != --sysroot ]] || command+=(--sysroot "${COMP_WORDS[i + 1]}")
	done
	"${command[@]}" "$@" 2>/dev/null
}

# The first words of the lines of --help below a heading.
_vfifo_listed() { # HEADING [VERB]
	_vfifo_run ${2:+"$2"} --help | sed -n "/^$1/,/^\$/s/^  \([A-Za-z][^ ]*\) .*/\1/p"
}

_vfifo_options() { # [VERB]
	_vfifo_run ${1:+"$1"} --help | sed -nE 's/^  (-., |)(--[a-z-]+).*/\2/p'
	echo --sysroot
}

_vfifo_devices() {
	_vfifo_run list --noheadings --output NAME
	_vfifo_run list --noheadings --output LABEL | grep .
}

# WORDS are separated by newlines, as a label may contain blanks.
_vfifo_offer() { # WORDS
	local IFS=$'\n' word
	COMPREPLY=()
	for word in $1; do
		[[ $word == "$cur"* ]] || continue
		[[ ! $word =~ [^[:alnum:]_.,:=/+-] ]] || word=$(printf %q "$word")
		COMPREPLY+=("$word")
	done
}

# The verb of the line, if there is one before the cursor.
_vfifo_verb() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--sysroot) i=$((i + 1)) ;;
		-*) ;;
		*) echo "${COMP_WORDS[i]}"; return ;;
		esac
	done
}

# Completes the last name of a list with commas.
_vfifo_columns() { # VERB
	local before='' column
	[[ $cur != *,* ]] || before=${cur%,*},
	_vfifo_offer "$(for column in $(_vfifo_listed Columns "$1"); do echo "$before$column"; done)"
}

_vfifo_values() { # ATTRIBUTE
	case $1 in
	mode | eof | scrub) printf '0\n1\n' ;;
	producer | consumer) printf '0\n' ;;
	clear | generator/trigger | stats/reset) echo 1 ;;
	memory) printf 'cached\nwrite-combining\nuncached\ncoherent\ncontiguous\n' ;;
	framing) printf 'bytes\nrecords\n' ;;
	overflow) printf 'block\ndrop\noverwrite\n' ;;
	generator/pattern) printf 'text\ncounter\nramp\nprbs31\nzero\n' ;;
	esac
}

# readline splits words at =.
_vfifo_set() {
	local attribute=
	if [[ $cur == = ]]; then
		attribute=$prev cur=
	elif [[ $prev == = ]]; then
		attribute=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $attribute ]]; then
		_vfifo_offer "$(_vfifo_values "$attribute")"
		return
	fi
	compopt -o nospace
	_vfifo_offer "$(_vfifo_listed Attributes set | sed 's/$/=/'; _vfifo_devices)"
}

_vfifo_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# How many operands there are between the verb and the cursor.
_vfifo_operands() {
	local i n=-1
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--sysroot | -m | --method | -s | --size | -r | --rate-limit | -p | --pattern | -V | --verify | -R | --records | \
			--raw | -f | --format | -b | --block | -d | --duration | -c | --count | -a | --start-at | \
			-F | --on-full | -x | --fault | -S | --seed | --protocol | -v | --speed)
			# readline makes three words of --size=1K.
			[[ ${COMP_WORDS[i + 1]} != = ]] || i=$((i + 1))
			i=$((i + 1)) ;;
		-?*) ;;
		*) n=$((n + 1)) ;;
		esac
	done
	echo $n
}

_vfifo_patterns() {
	printf '%s\n' counter ramp zero text: sine square triangle saw chirp noise \
		prbs7 prbs9 prbs11 prbs15 prbs20 prbs23 prbs31
}

# The source of play is a pattern or a file. With one operand it is not known which is meant.
_vfifo_source() {
	local patterns
	if [[ $(_vfifo_operands) == 0 ]]; then
		_vfifo_offer "$(_vfifo_devices; _vfifo_patterns)"
		return
	fi
	_vfifo_offer "$(_vfifo_patterns)"
	patterns=("${COMPREPLY[@]}")
	_vfifo_files
	COMPREPLY=("${patterns[@]}" "${COMPREPLY[@]}")
}

_vfifo_argument() { # VERB
	case $1 in
	set) _vfifo_set ;;
	add | doctor | version) ;;
	help) _vfifo_offer "$(_vfifo_listed Verbs)" ;;
	send | receive | record)
		if [[ $(_vfifo_operands) == 0 ]]; then _vfifo_offer "$(_vfifo_devices)"; else _vfifo_files; fi ;;
	play) _vfifo_source ;;
	*) _vfifo_offer "$(_vfifo_devices)" ;;
	esac
}

_vfifo() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb
	verb=$(_vfifo_verb)
	COMPREPLY=()
	# --method=map is three words.
	if [[ $prev == --* && $cur == = ]]; then
		cur=
	elif [[ $prev == = && ${COMP_WORDS[COMP_CWORD - 2]} == --* ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $verb,$prev,$cur in
	*,--sysroot,*) compopt -o dirnames ;;
	set,-f,* | *,--from,*) _vfifo_files ;;
	*,-o,* | *,--output,*) _vfifo_columns "$verb" ;;
	play,-p,* | *,--protocol,*) _vfifo_files ;;
	play,-F,* | *,--on-full,*) _vfifo_offer "$(printf 'drop\nwait\n')" ;;
	record,-f,* | record,--format,*) _vfifo_offer "$(printf 'pcapng\ncsv\nwav\n')" ;;
	play,-f,* | *,--format,*) _vfifo_offer "$(printf 's8\ns16le\ns16be\ns24le\ns24be\ns32le\ns32be\nf32le\nf32be\n')" ;;
	play,-x,* | *,--fault,*)
		compopt -o nospace
		_vfifo_offer "$(printf 'bit-errors=\nlost=\ndoubled=\noverrun=\nstall=\nburst=\njitter=\ndrift=\n')" ;;
	send,-m,* | receive,-m,* | play,-m,* | record,-m,* | *,--method,*) _vfifo_offer "$(printf 'auto\nmap\ncalls\n')" ;;
	send,-R,* | receive,-R,* | *,--records,*) _vfifo_offer "$(printf 'lines\nlength\n')" ;;
	send,-p,* | receive,-V,* | *,--pattern,* | *,--verify,*)
		_vfifo_offer "$(_vfifo_patterns)" ;;
	*,*,-*) _vfifo_offer "$(_vfifo_options "$verb")" ;;
	*) if [[ $verb ]]; then _vfifo_argument "$verb"; else _vfifo_offer "$(_vfifo_listed Verbs)"; fi ;;
	esac
}

complete -F _vfifo vfifo
