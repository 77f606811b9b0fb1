# SPDX-License-Identifier: BSD-2-Clause
# Stand-ins for the commands of Vivado that a project uses: tclsh vivado_standins.tcl SCRIPT CALLS SCENE
#
# Each command records its call in the file CALLS, a line of words with 0x1F between them, and
# answers as Vivado would for the design that the file SCENE describes:
#
#   pins        pins at which there is a clock
#   cells       names of the transceivers' cells
#   slack       nanoseconds by kind of check, setup and hold
#   refused     property of the IP that does not take, and what it is instead
#
# A command that is not here ends the run, as it would end Vivado.

# The scripts have globals of their own.
namespace eval scene {
    source [lindex $argv 2]
    variable record [open [lindex $argv 1] w]
    variable properties [dict create]
    variable ip ""
}

proc note {name words} {
    puts $scene::record [join [list $name {*}$words] "\x1f"]
}

foreach name {
    add_files create_project create_clock generate_target opt_design phys_opt_design place_design
    report_clock_utilization report_control_sets report_drc report_io
    report_methodology report_power report_route_status report_timing_summary report_utilization
    reset_property route_design set_false_path set_max_delay synth_design synth_ip write_bitstream
    write_cfgmem write_checkpoint
} {
    proc $name args [format {note %s $args} $name]
}

proc read_xdc {file} {
    note read_xdc [list $file]
    uplevel #0 [list source $file]
}

proc create_ip args {
    note create_ip $args
    set scene::ip [lindex $args end]
}

proc get_ips {name} {
    if {$name ne $scene::ip} { error "no IP $name" }
    return $name
}

proc set_property args {
    note set_property $args
    if {[lindex $args 0] eq "-dict"} {
        set scene::properties [dict merge $scene::properties [lindex $args 1] $scene::refused]
    }
}

proc get_property {name object} {
    if {$name eq "SLACK"} { return [dict get $scene::slack $object] }
    return [dict get $scene::properties $name]
}

proc get_timing_paths args {
    note get_timing_paths $args
    return [string range [lindex $args end] 1 end]
}

proc get_clocks args {
    set found {}
    foreach pin [lindex $args end] {
        if {$pin in $scene::pins} { lappend found "clock:$pin" }
    }
    return $found
}

# Brackets of Vivado's patterns are no sets of characters: pipe_lane[0] is a name.
proc get_cells args {
    set words [lindex $args end]
    if {[lindex $words 0] ne "NAME"} { return {} }
    set pattern [string map {[ \\[ ] \\]} [lindex $words 2]]
    return [lsearch -all -inline -glob $scene::cells $pattern]
}

proc get_pins args { expr {"-filter" in $args ? {} : [lindex $args end]} }
proc get_ports {name} { return $name }
proc get_nets {name} { return $name }
proc get_iobanks {number} { return "bank:$number" }
proc current_design {} { return design }
proc quit {} { exit 0 }

if {[catch {source [lindex $argv 0]} reason]} {
    puts stderr $reason
    exit 1
}
