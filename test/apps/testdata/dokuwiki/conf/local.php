<?php
// What test/apps changes of DokuWiki's settings.
$conf['title'] = 'The wiki';
$conf['savedir'] = './data';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['breadcrumbs'] = 20; // pages seen last, kept in the session
$conf['updatecheck'] = 0;
$conf['allowdebug'] = 0;
