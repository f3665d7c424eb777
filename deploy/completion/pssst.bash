# Completion of pssst and pssstd for bash; zsh takes it after `autoload -U +X bashcompinit &&
# bashcompinit`. What there is to complete is asked of the commands' own help texts.

# The terms of the section $1 of a help text on standard input.
_pssst_terms() {
  awk -v section="$1:" '
    /^[A-Z].*:$/ {
      inside = section == "Options:" ? /^(Options|Operation):$|\(--port/ : $0 == section
      next
    }
    inside && /^  +[^ ]/ && substr($0, 1, 8) !~ /^ +$/ {
      sub(/^ +/, "")
      for (i = 1; i <= NF && $i ~ (section == "Options:" ? "^-" : "."); i++) {
        sub(/,$/, "", $i)
        print $i
        if (section != "Options:") break
      }
    }'
}

# The words of a value that are known, by the option before it.
_pssst_values() {
  case $1 in
    --suite) echo 1 0xf002 ;;
    --port) echo socket dpdk ;;
    --idle) echo spin sleep ;;
    --counters) echo text json ;;
    --expect) echo echo empty none ;;
    --format) echo csv json ;;
    --state) echo enrolled revoked ;;
    --verify) echo all none ;;
    --hostile)
      echo junk truncated header not-canonical small-order wrong-key unknown-client replay ;;
  esac
}

_pssst_complete() {
  local command=$1 word=$2 previous=$3 subcommand values
  local -a asked=("$command")
  COMPREPLY=()
  values=$(_pssst_values "$previous")
  if [[ $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
    return
  fi
  # Options that take a file, or may.
  case $previous in
    -s | --server | -c | --client-key | --clients | --write-enrolment | --plot | --config | \
      --root | --socket)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      compopt -o filenames 2> /dev/null
      return
      ;;
  esac
  if [[ ${command##*/} == pssst ]]; then
    ((COMP_CWORD > 1)) && subcommand=${COMP_WORDS[1]}
    if [[ ! ${subcommand-} && $word != -* ]]; then
      mapfile -t COMPREPLY < <(
        compgen -W "$("$command" --help 2> /dev/null | _pssst_terms Subcommands)" -- "$word")
      return
    fi
    [[ ${subcommand-} && $subcommand != -* ]] && asked+=("$subcommand")
    # A subcommand of a subcommand: pssst ctl reload.
    if ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
      values=$("${asked[@]}" --help 2> /dev/null | _pssst_terms Subcommands)
      if [[ $values ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
        return
      fi
    fi
    ((COMP_CWORD > 2)) && [[ ${COMP_WORDS[2]} == [a-z]* ]] &&
      "${asked[@]}" --help 2> /dev/null | _pssst_terms Subcommands |
      grep -qx -- "${COMP_WORDS[2]}" && asked+=("${COMP_WORDS[2]}")
  fi
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(
      compgen -W "$("${asked[@]}" --help 2> /dev/null | _pssst_terms Options)" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2> /dev/null
  fi
}

complete -F _pssst_complete pssst pssstd
