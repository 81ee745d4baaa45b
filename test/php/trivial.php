<?php
// The least a page can do.
echo 'ok';
