; The installer of Signet Desk for Windows, for all users of a machine. Made by build.sh, which names VERSION, FILES, OUT
; and, where the firm wants them, WEBVIEW2 (Microsoft's bootstrapper) and SIGN (the command that signs).
;
;   signet-desk-VERSION-setup.exe /S [/D=C:\FOLDER]     silent
;   signet-desk-VERSION-setup.exe /S /BACK               also over a newer version, as the desk's update goes back
;   uninstall.exe /S                                     silent; keys, settings and history stay
;   uninstall.exe /S /ERASE                              silent; first deletes those of the user who runs it
;
; Exit status: 0 done, 1 cancelled, 2 not done (the text is in the window, or in %TEMP%\signet-setup.log when silent).

; 64 bits only, as the desk is.
Target amd64-unicode
Unicode true
ManifestDPIAware true
RequestExecutionLevel admin
SetCompressor /SOLID lzma
Name "Signet Desk"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Signet Desk"
InstallDirRegKey HKLM "Software\Signet\Desk" "Folder"
ShowInstDetails nevershow
ShowUninstDetails nevershow
!ifdef SIGN
  ; Who allows programs by their publisher would not let it run otherwise. %1 is the uninstaller before it is packed.
  !uninstfinalize `${SIGN} "%1"` = 0
!endif
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk"
!define TASK "Signet Desk update"
!define WEBVIEW2_ID "{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"

VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Signet Desk"
VIAddVersionKey "FileDescription" "Installer of Signet Desk"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "CompanyName" "Signet"
VIAddVersionKey "LegalCopyright" "Apache-2.0"

!include "FileFunc.nsh"
!include "LogicLib.nsh"
!include "nsDialogs.nsh"
!include "WordFunc.nsh"
!include "x64.nsh"
Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage custom un.AskErase un.EraseAsked
UninstPage instfiles

; 1: keys, settings and history of this user are deleted as well.
Var Erase
Var EraseBox

; Stops with a text and an exit status.
!macro Stop text
  ${If} ${Silent}
    FileOpen $9 "$TEMP\signet-setup.log" w
    FileWrite $9 "${text}$\r$\n"
    FileClose $9
  ${Else}
    MessageBox MB_OK|MB_ICONSTOP "${text}"
  ${EndIf}
  SetErrorLevel 2
  Quit
!macroend

Function .onInit
  ${IfNot} ${RunningX64}
    !insertmacro Stop "Signet Desk needs 64-bit Windows 10 or newer."
  ${EndIf}
  SetRegView 64
  ; The MSI has the same folder: the removal of either would take the program of the other. Its value is in either view.
  ClearErrors
  ReadRegDWORD $0 HKLM "Software\Signet\Desk" "Menu"
  ${If} ${Errors}
    SetRegView 32
    ReadRegDWORD $0 HKLM "Software\Signet\Desk" "Menu"
    SetRegView 64
  ${EndIf}
  ${IfNot} ${Errors}
    !insertmacro Stop "Signet Desk is installed with its MSI. Install the MSI of ${VERSION}, or remove the one that is there first."
  ${EndIf}
  ; An older version is not put over a newer one.
  ReadRegStr $0 HKLM "${UNINSTALL}" "DisplayVersion"
  ${If} $0 != ""
    ${VersionCompare} "$0" "${VERSION}" $1
    ${GetParameters} $2
    ClearErrors
    ${GetOptions} $2 "/BACK" $3
    ${If} ${Errors}
    ${AndIf} $1 == 1
      !insertmacro Stop "Signet Desk $0 is installed, which is newer than ${VERSION}. Remove it first if the older one is wanted."
    ${EndIf}
  ${EndIf}
FunctionEnd

Section
  SetRegView 64
  SetShellVarContext all
  ; A program that runs cannot be replaced, and an open RFQ must not be cut.
  IfFileExists "$INSTDIR\signet-desk.exe" 0 free
  ClearErrors
  FileOpen $0 "$INSTDIR\signet-desk.exe" a
  IfErrors 0 closed
    !insertmacro Stop "Signet Desk is running. Close it, then start this again."
  closed:
  FileClose $0
  free:

  SetOutPath "$INSTDIR"
  File "${FILES}\signet-desk.exe"
  File "${FILES}\WebView2Loader.dll"
  File "${FILES}\LICENSE.txt"
  File "${FILES}\NOTICE.txt"
  File "${FILES}\update-task.xml"
  WriteUninstaller "$INSTDIR\uninstall.exe"

  ; Where desks of all users say whether a request is open. Users may make files in folders below ProgramData, and touch
  ; only their own.
  CreateDirectory "$APPDATA\Signet\desks"

  ; At the first installation: whoever disabled or deleted the task keeps it so. Only in the folder that the task names: SYSTEM
  ; must not start what lies where others may write.
  ReadRegStr $0 HKLM "${UNINSTALL}" "DisplayVersion"
  ${If} $0 == ""
  ${AndIf} $INSTDIR == "$PROGRAMFILES64\Signet Desk"
    ExecWait '"$SYSDIR\schtasks.exe" /Create /F /TN "${TASK}" /XML "$INSTDIR\update-task.xml"' $1
    ${If} $1 != 0
      DetailPrint "Windows did not take the task that looks for updates (status $1)."
    ${EndIf}
  ${EndIf}

  WriteRegStr HKLM "Software\Signet\Desk" "Folder" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "Signet Desk"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "Signet"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayIcon" "$INSTDIR\signet-desk.exe"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1

  ; Links signet://rfq fill the ticket and send nothing.
  WriteRegStr HKLM "Software\Classes\signet" "" "URL:Signet RFQ"
  WriteRegStr HKLM "Software\Classes\signet" "URL Protocol" ""
  WriteRegStr HKLM "Software\Classes\signet\shell\open\command" "" '"$INSTDIR\signet-desk.exe" "%1"'
  CreateShortcut "$SMPROGRAMS\Signet Desk.lnk" "$INSTDIR\signet-desk.exe"

  ReadRegStr $0 HKLM "SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients\${WEBVIEW2_ID}" "pv"
  ${If} $0 == ""
  ${OrIf} $0 == "0.0.0.0"
    !ifdef WEBVIEW2
      File "/oname=$PLUGINSDIR\webview2.exe" "${WEBVIEW2}"
      ExecWait '"$PLUGINSDIR\webview2.exe" /silent /install' $1
      ${If} $1 != 0
        !insertmacro Stop "Signet Desk is installed, but Microsoft's WebView2 is not (status $1). Install it, then start the desk."
      ${EndIf}
    !else
      DetailPrint "Microsoft's WebView2 runtime is not on this machine. Signet Desk needs it to open its window."
    !endif
  ${EndIf}
SectionEnd

; Keys, certificates, settings and the signed history belong to the traders, and stay unless asked otherwise.
Function un.onInit
  StrCpy $Erase 0
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/ERASE" $1
  ${IfNot} ${Errors}
    StrCpy $Erase 1
  ${EndIf}
FunctionEnd

Function un.AskErase
  nsDialogs::Create 1018
  Pop $0
  ${If} $0 == error
    Abort
  ${EndIf}
  ${NSD_CreateLabel} 0 0 100% 36u "Keys, certificates, settings and the signed history of this user stay on this computer. Delete them before the computer is given away. Keys in a token, and what other users of this computer have, stay."
  Pop $0
  ${NSD_CreateCheckbox} 0 44u 100% 12u "&Delete my keys, settings and history for good"
  Pop $EraseBox
  ${If} $Erase == 1
    ${NSD_Check} $EraseBox
  ${EndIf}
  nsDialogs::Show
FunctionEnd

Function un.EraseAsked
  ${NSD_GetState} $EraseBox $0
  StrCpy $Erase 0
  ${If} $0 == ${BST_CHECKED}
    StrCpy $Erase 1
  ${EndIf}
FunctionEnd

Section "Uninstall"
  SetRegView 64
  SetShellVarContext all
  ${If} ${FileExists} "$INSTDIR\signet-desk.exe"
    ClearErrors
    FileOpen $0 "$INSTDIR\signet-desk.exe" a
    ${If} ${Errors}
      !insertmacro Stop "Signet Desk is running. Close it, then start this again."
    ${EndIf}
    FileClose $0
  ${ElseIf} $Erase == 1
    !insertmacro Stop "The program is missing, so it cannot delete keys. Install it again, or remove it without deleting them."
  ${EndIf}
  ${If} $Erase == 1
    ; While the program is there to do it. What could not be deleted stays whole, with the program.
    ExecWait '"$INSTDIR\signet-desk.exe" erase --yes' $1
    ${If} $1 != 0
      !insertmacro Stop "Keys, settings and history could not be deleted (status $1), so nothing was removed. Run signet-desk erase to read why."
    ${EndIf}
  ${EndIf}
  ClearErrors
  Delete "$INSTDIR\signet-desk.exe"
  IfErrors 0 gone
    !insertmacro Stop "Signet Desk is running. Close it, then start this again."
  gone:
  ; Fails where there is none.
  ExecWait '"$SYSDIR\schtasks.exe" /Delete /F /TN "${TASK}"'
  Delete "$INSTDIR\update-task.xml"
  Delete "$INSTDIR\WebView2Loader.dll"
  ; Copies of an update that was cut off.
  Delete "$INSTDIR\signet-desk.exe.new"
  Delete "$INSTDIR\WebView2Loader.dll.new"
  Delete "$INSTDIR\LICENSE.txt"
  Delete "$INSTDIR\NOTICE.txt"
  Delete "$INSTDIR\uninstall.exe"
  ; Packages that were fetched, and what was remembered of them.
  RMDir /r "$INSTDIR\update"
  RMDir "$INSTDIR"
  ; File by file: RMDir /r goes into folders that are links, and every user can make one here that leads elsewhere.
  Delete "$APPDATA\Signet\desks\desk-*"
  RMDir "$APPDATA\Signet\desks"
  RMDir "$APPDATA\Signet"
  Delete "$SMPROGRAMS\Signet Desk.lnk"
  DeleteRegKey HKLM "Software\Classes\signet"
  DeleteRegKey HKLM "${UNINSTALL}"
  DeleteRegValue HKLM "Software\Signet\Desk" "Folder"
  DeleteRegKey /ifempty HKLM "Software\Signet\Desk"
  DeleteRegKey /ifempty HKLM "Software\Signet"
SectionEnd
