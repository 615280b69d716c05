#!/usr/bin/env perl
# Prints what Sisimai (Debian's libsisimai-perl) makes of mails: path, reason, action, class ("hard", "soft" or "") and address of
# the first recipient, with tabs between; "none" where it finds no bounce. Takes the paths from the standard input. It cannot read
# mails whose lines end with CR alone, so it gets a copy with LF.
use strict;
use warnings;
use File::Temp;
use Sisimai;

while( my $path = <STDIN> ) {
    chomp $path;
    my $copy = File::Temp->new(SUFFIX => '.eml');
    open(my $file, '<:raw', $path) or die "cannot read $path: $!";
    my $mail = do { local $/; <$file> };
    $mail =~ s/\r\n?/\n/g;
    print {$copy} $mail;
    $copy->flush;
    my $found = eval { Sisimai->make($copy->filename, 'delivered' => 1) };
    my @all = $found ? @$found : ();
    if( !@all ) {
        print join("\t", $path, 'none', '', '', ''), "\n";
        next;
    }
    my $first = $all[0];
    my $class = $first->softbounce eq '1' ? 'soft' : $first->softbounce eq '0' ? 'hard' : '';
    print join("\t", $path, map { defined $_ ? $_ : '' } $first->reason, $first->action, $class, $first->recipient->address), "\n";
}
